"""The tables as a new database gets them, at once. A database from before goes through the steps that this replaces."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from annotation.migrations._tables import CreateTables


class Migration(migrations.Migration):

    replaces = [
        ('ranking', '0001_initial'),
        ('ranking', '0002_board_request'),
        ('ranking', '0003_kept_counts'),
        ('ranking', '0004_emptied'),
        ('ranking', '0005_kept_marks'),
        ('ranking', '0006_delete_kept_counts_and_marks'),
        ('ranking', '0007_keys_without_defaults'),
        ('ranking', '0008_problem_codes'),
        ('ranking', '0009_worked'),
        ('ranking', '0010_goal_reached'),
        ('ranking', '0011_plan'),
    ]

    initial = True

    dependencies = [
        ('annotation', '0022_proposed_uploads'),
        ('auth', '__first__'),
    ]

    operations = [
        CreateTables(
            operations=[
                migrations.CreateModel(
                    name='Leaderboard',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('beat_at', models.DateTimeField(editable=False, null=True, verbose_name='last active')),
                        ('interruptions', models.PositiveSmallIntegerField(default=0, help_text='Times that the process working on it crashed and another one started again.', verbose_name='interruptions')),
                        ('problem', models.TextField(blank=True, verbose_name='problem')),
                        ('problem_data', models.JSONField(blank=True, null=True, verbose_name='code of the problem')),
                        ('state', models.CharField(choices=[('waiting', 'waiting'), ('computing', 'computing'), ('ready', 'ready'), ('impossible', 'cannot be computed')], default='waiting', max_length=10, verbose_name='state')),
                        ('claimed_at', models.DateTimeField(null=True, verbose_name='started at')),
                        ('finished_at', models.DateTimeField(null=True, verbose_name='computed')),
                        ('seconds', models.FloatField(null=True, verbose_name='computing time (seconds)')),
                        ('key', models.CharField(help_text='A digest of the requested filters and settings.', max_length=64)),
                        ('number', models.PositiveIntegerField(help_text='Numbered from 1 for each kind of leaderboard in a study.', verbose_name='number')),
                        ('raters', models.CharField(max_length=200, verbose_name='raters')),
                        ('method', models.CharField(max_length=30, verbose_name='method')),
                        ('filters', models.JSONField(verbose_name='filters')),
                        ('settings', models.JSONField(verbose_name='settings')),
                        ('seed', models.BigIntegerField(verbose_name='seed')),
                        ('basis', models.CharField(help_text='The version of the ranking methods and the state of the study’s comparisons when the leaderboard was requested.', max_length=60)),
                        ('cut', models.BigIntegerField(null=True, verbose_name='highest comparison ID')),
                        ('excluded', models.JSONField(default=list, verbose_name='excluded raters')),
                        ('digest', models.CharField(blank=True, max_length=64, verbose_name='comparison digest')),
                        ('comparisons', models.PositiveIntegerField(default=0, verbose_name='comparisons')),
                        ('simulated', models.PositiveIntegerField(default=0, verbose_name='simulated comparisons')),
                        ('sheet', models.JSONField(default=dict, verbose_name='results')),
                        ('version', models.CharField(blank=True, max_length=20, verbose_name='version')),
                        ('created_at', models.DateTimeField(verbose_name='requested at')),
                        ('emptied_at', models.DateTimeField(help_text='The results can be recomputed from the stored comparisons.', null=True, verbose_name='results deleted at')),
                        ('study', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='leaderboards', to='annotation.study')),
                    ],
                    options={
                        'verbose_name': 'leaderboard',
                        'verbose_name_plural': 'leaderboards',
                        'ordering': ['-pk'],
                        'indexes': [models.Index(condition=models.Q(('emptied_at', None), ('state', 'ready')), fields=['finished_at'], name='leaderboard_with_results')],
                        'constraints': [models.UniqueConstraint(fields=('study', 'key', 'number'), name='leaderboard_number'), models.UniqueConstraint(condition=models.Q(('state__in', ['waiting', 'computing'])), fields=('study', 'key'), name='leaderboard_asked_once')],
                    },
                ),
                migrations.CreateModel(
                    name='GoalReached',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('goal', models.CharField(max_length=6, verbose_name='goal')),
                        ('number', models.PositiveIntegerField(verbose_name='K, R or N')),
                        ('votes', models.PositiveIntegerField(verbose_name='votes')),
                        ('reached_at', models.DateTimeField(verbose_name='reached')),
                        ('paused_at', models.DateTimeField(null=True, verbose_name='paused the study')),
                        ('study', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='goals_reached', to='annotation.study')),
                        ('snapshot', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='ranking.leaderboard')),
                    ],
                    options={
                        'verbose_name': 'goal reached',
                        'verbose_name_plural': 'goals reached',
                        'ordering': ['-pk'],
                        'constraints': [models.UniqueConstraint(fields=('study', 'goal', 'number'), name='goal_reached_once')],
                    },
                ),
                migrations.CreateModel(
                    name='Plan',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('beat_at', models.DateTimeField(editable=False, null=True, verbose_name='last active')),
                        ('interruptions', models.PositiveSmallIntegerField(default=0, help_text='Times that the process working on it crashed and another one started again.', verbose_name='interruptions')),
                        ('problem', models.TextField(blank=True, verbose_name='problem')),
                        ('problem_data', models.JSONField(blank=True, null=True, verbose_name='code of the problem')),
                        ('state', models.CharField(choices=[('waiting', 'waiting'), ('computing', 'computing'), ('ready', 'ready'), ('impossible', 'cannot be computed')], default='waiting', max_length=10, verbose_name='state')),
                        ('claimed_at', models.DateTimeField(null=True, verbose_name='started at')),
                        ('finished_at', models.DateTimeField(null=True, verbose_name='computed')),
                        ('seconds', models.FloatField(null=True, verbose_name='computing time (seconds)')),
                        ('request', models.JSONField(verbose_name='what is planned')),
                        ('sheet', models.JSONField(default=dict, verbose_name='results')),
                        ('done', models.PositiveIntegerField(default=0, verbose_name='simulated so far')),
                        ('size', models.PositiveIntegerField(default=0, verbose_name='to simulate')),
                        ('created_at', models.DateTimeField(verbose_name='requested at')),
                        ('owner', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='plans', to=settings.AUTH_USER_MODEL)),
                        ('pilot', models.ForeignKey(help_text='The leaderboard that it learns from.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='ranking.leaderboard')),
                        ('study', models.ForeignKey(help_text='The draft that the plan is for.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='plans', to='annotation.study')),
                    ],
                    options={
                        'verbose_name': 'plan',
                        'verbose_name_plural': 'plans',
                        'ordering': ['-pk'],
                    },
                ),
                migrations.CreateModel(
                    name='BoardRequest',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('key', models.CharField(help_text='A digest of the requested filters and settings.', max_length=64)),
                        ('filters', models.JSONField(verbose_name='filters')),
                        ('settings', models.JSONField(verbose_name='settings')),
                        ('asked_at', models.DateTimeField(verbose_name='last requested at')),
                        ('study', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='board_requests', to='annotation.study')),
                    ],
                    options={
                        'verbose_name': 'leaderboard request',
                        'verbose_name_plural': 'leaderboard requests',
                        'ordering': ['-asked_at', '-pk'],
                        'indexes': [models.Index(fields=['study', 'asked_at'], name='board_request_lately')],
                        'constraints': [models.UniqueConstraint(fields=('study', 'key'), name='board_request_once')],
                    },
                ),
            ],
        ),
    ]
