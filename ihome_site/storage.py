from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticFiles(CompressedManifestStaticFilesStorage):
    """Hashed names, cached for ever, where collectstatic has run; plain names, from the sources, where not."""

    def stored_name(self, name: str) -> str:
        return super().stored_name(name) if self.hashed_files else name
