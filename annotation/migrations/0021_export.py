import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('annotation', '0020_loaded_votes'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Export',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('beat_at', models.DateTimeField(editable=False, null=True, verbose_name='last active')),
                ('interruptions', models.PositiveSmallIntegerField(default=0, help_text='Times that the process working on it crashed and another one started again.', verbose_name='interruptions')),
                ('problem', models.TextField(blank=True, verbose_name='problem')),
                ('problem_data', models.JSONField(blank=True, null=True, verbose_name='code of the problem')),
                ('state', models.CharField(choices=[('waiting', 'waiting'), ('writing', 'writing'), ('ready', 'ready'), ('failed', 'failed'), ('cancelled', 'cancelled'), ('expired', 'expired')], default='waiting', max_length=9, verbose_name='state')),
                ('layout', models.CharField(max_length=40, verbose_name='layout')),
                ('format', models.CharField(max_length=10, verbose_name='file format')),
                ('filters', models.JSONField(default=dict, help_text='The filters that differ from their defaults.', verbose_name='filters')),
                ('file_name', models.CharField(max_length=300, verbose_name='file name')),
                ('done', models.PositiveBigIntegerField(default=0, verbose_name='comparisons written')),
                ('total', models.PositiveBigIntegerField(default=0, verbose_name='comparisons to write')),
                ('size', models.PositiveBigIntegerField(null=True, verbose_name='bytes')),
                ('digest', models.CharField(blank=True, max_length=64, verbose_name='SHA-256 of the file')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('claimed_at', models.DateTimeField(null=True, verbose_name='last active')),
                ('finished_at', models.DateTimeField(null=True, verbose_name='finished')),
                ('expires_at', models.DateTimeField(null=True, verbose_name='deleted at')),
                ('study', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='exports', to='annotation.study')),
                ('user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'export',
                'verbose_name_plural': 'exports',
                'ordering': ['-pk'],
                'indexes': [models.Index(fields=['study', '-id'], name='export_latest')],
            },
        ),
    ]
