from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("ranking", "0005_kept_marks"),
    ]

    operations = [
        migrations.DeleteModel(name="KeptCounts"),
        migrations.DeleteModel(name="KeptMarks"),
    ]
