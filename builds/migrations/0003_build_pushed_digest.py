from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("builds", "0002_hook_deliveries"),
    ]

    operations = [
        migrations.AddField(
            model_name="build",
            name="pushed_digest",
            field=models.CharField(blank=True, editable=False, max_length=160),
        ),
    ]
