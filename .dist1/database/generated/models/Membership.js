//# sourceMappingURL=Membership.js.map
