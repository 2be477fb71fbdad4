from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('annotation', '0005_id_required'),
    ]

    operations = [
        migrations.AlterField(
            model_name='resultflag',
            name='found',
            field=models.TextField(help_text='The words that gave it away, or where it was cut.', verbose_name='found'),
        ),
        migrations.AlterField(
            model_name='resultflag',
            name='kind',
            field=models.CharField(choices=[('names-itself', 'names its own model or maker'), ('cut', 'was cut at the token limit')], max_length=20, verbose_name='kind'),
        ),
    ]
