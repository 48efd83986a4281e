import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models


def part_image_names(apps, schema_editor):
    """Of applications that make images of one name the oldest keeps it; the suffix of each other gets its number.
    They stood in each other's way: a tag of a build never moves."""
    seen = set()
    for row in apps.get_model("builds", "Application").objects.order_by("pk"):
        image = f"{row.base_image}-{row.suffix}" if row.suffix else row.base_image
        name = (row.target_registry_id, row.target_namespace, image, row.base_tag)
        if name in seen:
            number = str(row.pk)
            row.suffix = f"{row.suffix[: 62 - len(number)]}-{number}".lstrip("-")
            row.save(update_fields=["suffix"])
        seen.add(name)


class Migration(migrations.Migration):

    dependencies = [
        ('builds', '0003_build_pushed_digest'),
        ('imagelib', '0003_users_push_to'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='applicationversion',
            name='programs',
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name='build',
            name='cancelled_by',
            field=models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.RunPython(part_image_names, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name='application',
            constraint=models.UniqueConstraint(models.F('target_registry'), models.F('target_namespace'), models.Case(models.When(suffix='', then=models.F('base_image')), default=django.db.models.functions.text.Concat('base_image', models.Value('-'), 'suffix')), models.F('base_tag'), name='one_application_per_image_name'),
        ),
    ]
