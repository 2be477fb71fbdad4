from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('annotation', '0005_id_required'),
    ]

    operations = [
        migrations.AlterField(
            model_name='resultflag',
            name='found',
            field=models.TextField(help_text="The words that name the model or organisation, or the end of the answer that was cut off.", verbose_name="found text"),
        ),
        migrations.AlterField(
            model_name='resultflag',
            name='kind',
            field=models.CharField(choices=[('names-itself', "names its own model or organisation"), ('cut', "cut off at the token limit")], max_length=20, verbose_name='kind'),
        ),
    ]
