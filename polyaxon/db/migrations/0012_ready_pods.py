"""Whether what a pod serves answers."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('db', '0009_pods'),
    ]

    operations = [
        migrations.AddField(
            model_name='podstate',
            name='is_ready',
            field=models.BooleanField(default=False),
        ),
    ]
