"""What was seen of images and of the nodes' slicing libraries, so that it need not be looked at again."""

from __future__ import annotations

from django.db import models

from nodes.models import ComputeNode


class LibraryReport(models.Model):
    """The library in a directory of a node when it was last looked at; its facts tell when they no longer hold."""

    node = models.ForeignKey(ComputeNode, models.CASCADE, related_name="library_reports")
    directory = models.CharField(max_length=500)
    facts = models.JSONField()  # `instances.preload.LibraryFacts`
    checked_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["node", "directory"], name="one_report_per_library")]

    def __str__(self) -> str:
        return f"{self.node}: {self.directory}"


class ImageReport(models.Model):
    """An image's C library. The digest says which image it is; the reference, by what name it was met."""

    reference = models.CharField(max_length=600)
    digest = models.CharField(max_length=160)  # of an index too, which has an image for each architecture
    architecture = models.CharField(max_length=64, blank=True)
    facts = models.JSONField()  # `instances.preload.ImageFacts`
    checked_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["digest"], name="image_report_of_digest")]
        constraints = [
            models.UniqueConstraint(
                fields=["reference", "digest", "architecture"], name="one_report_per_image_and_reference"
            )
        ]

    def __str__(self) -> str:
        return f"{self.reference} {self.architecture}"
