from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticFiles(CompressedManifestStaticFilesStorage):
    """Hashed names, cached for ever, where collectstatic has run; where not, plain names from the sources."""

    def stored_name(self, name: str) -> str:
        return super().stored_name(name) if self.hashed_files else name
