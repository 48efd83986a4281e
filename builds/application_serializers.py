"""JSON of applications."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from builds.dockerfiles import Ecosystem, Severity
from builds.models import Application, ApplicationVersion
from builds.services.application_files import files_of
from builds.services.application_rules import image_name
from builds.trees import MAX_FILE_BYTES
from core.api import AskedFields, NoticeShape, SecretField, StrictModelSerializer
from imagelib.models import RegistryEndpoint

_OWN = (
    "id", "name", "owner", "description", "base_registry", "base_namespace", "base_image", "base_tag",
    "target_registry", "target_namespace", "suffix", "source", "version", "git_url", "git_branch", "git_path",
    "git_username", "git_password", "has_git_password", "webhook_secret", "has_webhook_secret", "image_repository",
    "created_at", "updated_at",
)  # fmt: skip


class FilesField(serializers.DictField):
    """Paths and texts; their rules are the service's."""

    child = serializers.CharField(allow_blank=True, trim_whitespace=False, max_length=MAX_FILE_BYTES)

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"help_text": '{"Dockerfile": "FROM python:3.12"}', **options})


class StoredFiles(FilesField):
    """Those that an application has now, which are no attribute of its row."""

    def get_attribute(self, instance: Application) -> dict[str, str]:
        return files_of(instance)


class ApplicationSerializer(StrictModelSerializer):
    """One application without its files. Passwords and secrets are write-only."""

    owner = serializers.SerializerMethodField(help_text="A user's name.")
    target_registry = serializers.PrimaryKeyRelatedField(
        queryset=RegistryEndpoint.objects.all(), required=False, help_text="The default registry unless given."
    )
    version = serializers.IntegerField(
        required=False,
        min_value=0,
        max_value=2**31 - 1,
        help_text="Of its files. With files: the one that they follow.",
    )
    git_password = SecretField(max_length=2000)
    has_git_password = serializers.SerializerMethodField()
    webhook_secret = SecretField(max_length=255)
    has_webhook_secret = serializers.SerializerMethodField()
    image_repository = serializers.SerializerMethodField(help_text="The name of its images, without tags.")

    class Meta:
        model = Application
        fields: tuple[str, ...] = _OWN
        read_only_fields: tuple[str, ...] = ("id", "source", "created_at", "updated_at")
        extra_kwargs: dict[str, dict[str, Any]] = {
            "name": {"validators": []},
            "target_namespace": {
                "help_text": "Below the target registry, where its operators let users push; a new application goes "
                "there unless another one is given."
            },
        }

    def get_owner(self, row: Application) -> str | None:
        return row.owner.get_username() if row.owner else None

    def get_has_git_password(self, row: Application) -> bool:
        return bool(row.git_password)

    def get_has_webhook_secret(self, row: Application) -> bool:
        return bool(row.webhook_secret)

    def get_image_repository(self, row: Application) -> str:
        return image_name(row)


class ApplicationDetailSerializer(ApplicationSerializer):
    """With the files that are kept here; empty where they are in a repository."""

    files = StoredFiles(required=False)

    class Meta(ApplicationSerializer.Meta):
        fields = (*_OWN, "files")


class CopyAsked(StrictModelSerializer):
    """The name of the copy, and what is to be different in it."""

    class Meta:
        model = Application
        fields = (
            "name", "description", "base_registry", "base_namespace", "base_image", "base_tag", "target_namespace",
            "suffix",
        )  # fmt: skip
        extra_kwargs: dict[str, dict[str, Any]] = {
            "name": {"validators": []}, "base_image": {"required": False}, "base_tag": {"required": False},
        }  # fmt: skip


class ApplicationVersionSerializer(serializers.ModelSerializer):
    """Who saved it when."""

    author = serializers.SerializerMethodField(help_text="A user's name.")

    class Meta:
        model = ApplicationVersion
        fields = ("number", "revision", "author", "created_at")
        read_only_fields = fields

    def get_author(self, row: ApplicationVersion) -> str | None:
        return row.author.get_username() if row.author else None


class ApplicationVersionDetail(serializers.Serializer):
    """With the files as they were then, and what changed."""

    number = serializers.IntegerField()
    revision = serializers.CharField(help_text="The id that git gives a tree of these files.")
    author = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    files = FilesField()
    against = serializers.IntegerField(allow_null=True, help_text="The version that it is compared with.")
    diff = serializers.CharField(allow_null=True, help_text="Null without another one, or if there is too much.")


class SecretsShape(AskedFields):
    """Names with `******` as values. A text replaces, an empty one removes, a name left out or the mask keeps."""

    values = serializers.DictField(
        child=serializers.CharField(allow_blank=True, trim_whitespace=False, max_length=20_000)
    )


class HintsAsked(AskedFields):
    """Files that need not be stored, and the base that they would get."""

    files = FilesField()
    base_registry = serializers.CharField(required=False, allow_blank=True, default="", max_length=255)
    base_namespace = serializers.CharField(required=False, allow_blank=True, default="", max_length=255)
    base_image = serializers.CharField(required=False, allow_blank=True, default="", max_length=255)
    base_tag = serializers.CharField(required=False, allow_blank=True, default="", max_length=128)


class HintShape(serializers.Serializer):
    path = serializers.CharField()
    line = serializers.IntegerField(help_text="From 1; 0 is the whole file.")
    severity = serializers.ChoiceField(choices=[kind.value for kind in Severity])
    code = serializers.CharField()
    message = serializers.CharField()


class HintsAnswer(serializers.Serializer):
    hints = HintShape(many=True)
    note = serializers.CharField(required=False, help_text="Why there are none, where no files are kept here.")


class PackagesAsked(AskedFields):
    ecosystem = serializers.ChoiceField(choices=[kind.value for kind in Ecosystem])
    packages = serializers.ListField(
        child=serializers.CharField(max_length=200), allow_empty=False, max_length=100, help_text='["git", "vim"]'
    )
    version = serializers.IntegerField(required=False, min_value=0, max_value=2**31 - 1)


class PackagesAnswer(serializers.Serializer):
    version = serializers.IntegerField(help_text="Of the files, which changed if a package was not there.")
    added = serializers.ListField(child=serializers.CharField())
    present = serializers.ListField(child=serializers.CharField())
    files = FilesField()


class ApplicationImportAsked(serializers.Serializer):
    target_registry = serializers.PrimaryKeyRelatedField(
        queryset=RegistryEndpoint.objects.all(), required=False,
        help_text="For images whose own registry has no endpoint here.",
    )  # fmt: skip


class GitImportAsked(AskedFields):
    """A repository that the applications stay in."""

    git_url = serializers.CharField(max_length=500)
    git_branch = serializers.CharField(
        required=False, allow_blank=True, max_length=255, help_text="The default one unless given."
    )
    git_username = serializers.CharField(required=False, allow_blank=True, max_length=255)
    git_password = SecretField(max_length=2000)
    target_registry = serializers.PrimaryKeyRelatedField(
        queryset=RegistryEndpoint.objects.all(), required=False,
        help_text="For images whose own registry has no endpoint here.",
    )  # fmt: skip


class ApplicationImportForm(ApplicationImportAsked):
    file = serializers.FileField()


class ApplicationImportAnswer(serializers.Serializer):
    created = serializers.ListField(child=serializers.CharField(), help_text="Names.")
    updated = serializers.ListField(child=serializers.CharField(), help_text="Names of those that are different now.")
    warnings = NoticeShape(many=True)
    errors = NoticeShape(  # type: ignore[assignment]  # the metaclass takes it off the class
        many=True, help_text="Empty: a repository with errors is refused, and the refusal lists them and the warnings."
    )
