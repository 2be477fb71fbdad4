from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('annotation', '0002_pair_run'),
    ]

    operations = [
        migrations.AddField(
            model_name='rater',
            name='derived',
            field=models.BooleanField(default=False, help_text="Its comparisons are made of other raters', and never stand beside them in one board.", verbose_name='derived'),
        ),
    ]
