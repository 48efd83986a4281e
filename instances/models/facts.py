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


class NodeFault(models.Model):
    """What kept a container from running on a node. It holds for the node as it was set up then, until somebody finds
    that all is well again; see `instances.faults`."""

    node = models.ForeignKey(ComputeNode, models.CASCADE, related_name="faults")
    code = models.CharField(max_length=64)  # of `instances.refusal_texts`
    params = models.JSONField(default=dict)
    connection_version = models.PositiveIntegerField()
    directory = models.CharField(max_length=500, blank=True)  # of the slicing library
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["node", "code"], name="one_row_per_fault_of_a_node")]

    def __str__(self) -> str:
        return f"{self.node}: {self.code}"


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
