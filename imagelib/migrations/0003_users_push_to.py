from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('imagelib', '0002_front_end_settings'),
    ]

    operations = [
        migrations.AddField(
            model_name='registryendpoint',
            name='users_push_to',
            field=models.CharField(blank=True, default='users/{username}', help_text="Namespaces that builds of ordinary users push to, with the login of this endpoint: for example users/{username}, team-a. Those below them are included, {username} and {id} are the user's; * is everywhere, empty nowhere. Operators' applications may always push.", max_length=1000, verbose_name='users may push to'),
        ),
    ]
