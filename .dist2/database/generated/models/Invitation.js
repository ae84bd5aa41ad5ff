//# sourceMappingURL=Invitation.js.map
