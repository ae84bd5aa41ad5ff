//# sourceMappingURL=Model.js.map
