from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('annotation', '0002_pair_run'),
    ]

    operations = [
        migrations.AddField(
            model_name='rater',
            name='derived',
            field=models.BooleanField(default=False, help_text="Computed from other raters’ comparisons, and never ranked together with them.", verbose_name='derived'),
        ),
    ]
