//# sourceMappingURL=Artifact.js.map
