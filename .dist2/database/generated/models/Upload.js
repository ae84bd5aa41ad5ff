//# sourceMappingURL=Upload.js.map
