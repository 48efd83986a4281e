"""What can be handed out: product specs."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from instances.accelerators.registry import CARDS

# Larger numbers are slips of the keyboard.
LIMITS = {
    "gpu_count": 64,
    "gpu_memory_gb": 1024,
    "cpu_cores": 4096,
    "memory_gb": 65536,
    "system_disk_gb": 1_000_000,
    "data_disk_gb": 1_000_000,
}
MOST_SLICED_GPUS = CARDS.MOST_SLICED


def _at_most(column: str) -> list[MaxValueValidator]:
    return [MaxValueValidator(LIMITS[column])]


class ProductSpec(models.Model):
    """产品规格: what one container gets. GPU memory is GB (GiB) of each card; 0 cores, memory or disk mean no limit.

    With `supports_memory_split` the container gets a slice of each card, `sm_limit_percent` of its computing power or,
    without one, the share of its memory; both only on images that support it.
    """

    name = models.CharField(_("name"), max_length=255, unique=True)
    gpu_model = models.CharField(
        _("GPU model"), max_length=255, blank=True, help_text=_("As the nodes name it. Not needed without GPUs.")
    )
    gpu_count = models.PositiveIntegerField(_("GPU count"), default=0, validators=_at_most("gpu_count"))
    gpu_memory_gb = models.PositiveIntegerField(
        _("GPU memory per card (GB)"), default=0, validators=_at_most("gpu_memory_gb")
    )
    supports_memory_split = models.BooleanField(
        _("GPU memory slices"),
        default=False,
        help_text=_("The container gets a part of each card instead of whole cards."),
    )
    sm_limit_percent = models.PositiveIntegerField(
        _("computing power of a slice (percent)"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text=_("Empty: the same share as of the memory. Applies to slices only."),
    )
    cpu_cores = models.PositiveIntegerField(_("CPU cores"), default=0, validators=_at_most("cpu_cores"))
    memory_gb = models.PositiveIntegerField(_("memory (GB)"), default=0, validators=_at_most("memory_gb"))
    system_disk_gb = models.PositiveIntegerField(
        _("system disk (GB)"), default=0, validators=_at_most("system_disk_gb")
    )
    data_disk_gb = models.PositiveIntegerField(_("data disk (GB)"), default=0, validators=_at_most("data_disk_gb"))
    price_per_hour = models.DecimalField(
        _("price per hour"), max_digits=10, decimal_places=4, default=0, validators=[MinValueValidator(0)]
    )
    is_listed = models.BooleanField(_("listed"), default=True, db_index=True)
    remark = models.CharField(_("remark"), max_length=1000, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name = _("product spec")
        verbose_name_plural = _("product specs")
        ordering = ("-created_at", "-pk")
        indexes = [models.Index(fields=["-created_at", "-id"], name="spec_newest_first")]
        constraints = [
            *(
                models.CheckConstraint(condition=Q(**{f"{column}__range": (0, most)}), name=f"spec_{column}_in_range")
                for column, most in LIMITS.items()
            ),
            models.CheckConstraint(condition=~Q(name=""), name="spec_has_a_name"),
            models.CheckConstraint(condition=Q(price_per_hour__gte=0), name="spec_price_not_negative"),
            models.CheckConstraint(
                condition=Q(sm_limit_percent=None) | Q(sm_limit_percent__range=(1, 100)), name="spec_sm_limit_in_range"
            ),
            models.CheckConstraint(condition=Q(gpu_count=0) | ~Q(gpu_model=""), name="spec_names_its_gpus"),
            models.CheckConstraint(
                condition=Q(supports_memory_split=False)
                | Q(gpu_count__range=(1, MOST_SLICED_GPUS), gpu_memory_gb__gte=1),
                name="spec_slices_something",
            ),
        ]

    def __str__(self) -> str:
        return self.name
