"""Whether what a pod serves answers."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('db', '0011_replicas_and_logs'),
    ]

    operations = [
        migrations.AddField(
            model_name='podstate',
            name='is_ready',
            field=models.BooleanField(default=False),
        ),
    ]
