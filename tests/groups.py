"""Groups of test files that `make test-fast` leaves out, beside those of browsers and Redis."""

from pathlib import Path
from typing import Final

TESTS: Final = Path(__file__).parent

PROCESS: Final = (
    "annotation/drawing/test_killed_while_drawing.py",
    "annotation/interchange/reading/test_child_process.py",
    "annotation/markup/test_markup_in_threads.py",
    "judges/answers/test_answers_command.py",
    "judges/evolve/test_evolve_command.py",
    "judges/judging/test_judging_workers.py",
    "judges/judging/test_numbers_on_the_command_line.py",
    "judges/llm/test_pace.py",
    "ranking/papers/test_papers.py",
    "ranking/boards/test_board_command_alone.py",
    "ranking/methods/test_library.py",
    "site/test_background_work.py",
    "site/test_command_line.py",
    "site/test_containers.py",
    "site/test_contributing.py",
    "site/test_demo.py",
    "site/test_installation.py",
    "site/test_new_database.py",
    "site/test_old_installations.py",
    "site/test_service_health.py",
    "site/test_settings.py",
    "site/serving/test_slow_clients.py",
    "site/test_starting.py",
    "site/test_wheel.py",
    "site/test_without_redis.py",
)
"""Files whose tests start processes or install the site."""

SLOW: Final = (
    "annotation/drawing/test_batches.py",
    "annotation/drawing/test_drawing_races.py",
    "annotation/drawing/test_late_draws.py",
    "annotation/importing/test_memory_of_loading.py",
    "annotation/importing/test_published_data.py",
    "annotation/interchange/test_reading_files.py",
    "annotation/markup/test_markup_safety.py",
    "annotation/views/test_admin.py",
    "annotation/views/test_worker_blindness.py",
    "annotation/voting/test_races.py",
    "judges/benchmarks/test_judge_benchmark.py",
    "judges/judging/test_judges_pages.py",
    "judges/judging/test_probes.py",
    "judges/judging/test_schedules.py",
    "judges/llm/test_hostile_endpoints.py",
    "judges/results/test_grades_pages.py",
    "ranking/boards/test_asking_for_boards.py",
    "ranking/boards/test_counting.py",
    "ranking/boards/test_leaderboard_command.py",
    "ranking/boards/test_reports_again.py",
    "ranking/boards/test_snapshots.py",
    "ranking/boards/test_stored_boards.py",
    "ranking/boards/test_thinning.py",
    "ranking/methods/test_bradley_terry.py",
    "ranking/pages/test_leaderboard_page.py",
    "ranking/pages/test_pair_pages.py",
    "ranking/pages/test_switches.py",
    "ranking/pages/test_trust.py",
    "ranking/pairs/test_finding_pairs.py",
    "ranking/reports/test_published_agreement.py",
    "ranking/reports/test_side_by_side.py",
    "site/test_admin.py",
    "site/test_api_schema.py",
    "site/test_catalogues.py",
    "site/test_sign_in.py",
    "site/test_who_may_see_what.py",
)
"""Files whose tests take a third of a second each, or all together five seconds."""


def groups(path: Path) -> list[str]:
    """The groups that the tests in the file at `path` belong to, as names of marks."""
    name = path.relative_to(TESTS).as_posix()
    return [group for group, names in (("process", PROCESS), ("slow", SLOW)) if name in names]
