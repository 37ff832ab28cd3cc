from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('db', '0015_late_values'),
    ]

    operations = [
        migrations.RenameField('experimentgroup', 'late_values', 'history_revision'),
    ]
