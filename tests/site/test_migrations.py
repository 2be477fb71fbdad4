"""A new database and one that went through every step are the same."""

from django.db.migrations.loader import MigrationLoader


def test_the_short_way_and_the_steps_lead_to_the_same_models():
    short = MigrationLoader(None)
    steps = MigrationLoader(None, replace_migrations=False)
    assert len(short.graph.nodes) < len(steps.graph.nodes)
    assert short.project_state() == steps.project_state()
