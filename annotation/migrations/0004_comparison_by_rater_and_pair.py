from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('annotation', '0003_rater_derived'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='comparison',
            name='comparison_by_rater',
        ),
        migrations.AddIndex(
            model_name='comparison',
            index=models.Index(fields=['study', 'rater', 'pair'], name='comparison_by_rater'),
        ),
    ]
