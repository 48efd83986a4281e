import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models


def part_image_names(apps, schema_editor):
    """Of applications that make images of one name the oldest keeps it; the suffix of each other gets its number.
    They stood in each other's way: a tag of a build never moves."""
    rows = list(apps.get_model("builds", "Application").objects.order_by("pk"))
    taken, kept = {_made(row) for row in rows}, set()
    for row in rows:
        if _made(row) in kept:
            number, suffix = row.pk, row.suffix
            while _made(row) in taken:  # somebody may have given theirs such a number
                row.suffix = f"{suffix[: 62 - len(str(number))]}-{number}".lstrip("-")
                number += 1
            row.save(update_fields=["suffix"])
            taken.add(_made(row))
        kept.add(_made(row))


def _made(row):
    image = f"{row.base_image}-{row.suffix}" if row.suffix else row.base_image
    return row.target_registry_id, row.target_namespace, image, row.base_tag


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
