from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticFiles(CompressedManifestStaticFilesStorage):
    """Hashed file names, which may be cached forever, once collectstatic has run; plain names before."""

    def stored_name(self, name: str) -> str:
        return super().stored_name(name) if self.hashed_files else name
