"""Background work: the schedule, and a real worker process on both brokers."""

import threading
from pathlib import Path

import pytest
from django.conf import settings
from kombu import Connection

from llmfao_site import celery_filesystem
from llmfao_site.celery import app
from tests.arena import Arena
from tests.waiting import PATIENCE, eventually

pytestmark = pytest.mark.once


@pytest.mark.django_db
def test_every_task_on_the_schedule_exists():
    app.loader.import_default_modules()
    scheduled = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert scheduled
    assert scheduled <= app.tasks.keys()


def does_what_it_is_sent(arena: Arena) -> None:
    """Sends a task before the worker starts and one while it runs, and terminates the worker."""
    task = "annotation.expire_assignments"
    before = arena.send(task)
    worker = arena.worker()
    try:
        assert eventually(lambda: arena.has_done(task, before)), arena.log.read_text()
        meanwhile = arena.send(task)
        assert eventually(lambda: arena.has_done(task, meanwhile)), arena.log.read_text()
        worker.terminate()
        assert worker.wait(PATIENCE) == 0, arena.log.read_text()
    finally:
        worker.kill()
        worker.wait()


def test_a_worker_does_what_it_is_sent_through_files(tmp_path, migrated):
    does_what_it_is_sent(Arena(tmp_path, migrated))
    assert not list((tmp_path / "broker" / "queue").iterdir())


@pytest.mark.redis
def test_a_worker_does_what_it_is_sent_through_redis(tmp_path, migrated, redis_server):
    does_what_it_is_sent(Arena(tmp_path, migrated, REDIS_URL=redis_server))
    assert not (tmp_path / "broker").exists()


def file_broker(folder: Path) -> Connection:
    folders = {"data_folder_in": "queue", "data_folder_out": "queue", "processed_folder": "processed"}
    paths = {option: folder / name for option, name in {**folders, "control_folder": "control"}.items()}
    for path in paths.values():
        path.mkdir(exist_ok=True)
    options = {**{option: str(path) for option, path in paths.items()}, "polling_interval": 0.001}
    return Connection(
        "filesystem://localhost//", transport="llmfao_site.celery_filesystem:Transport", transport_options=options
    )


def test_messages_through_files_arrive_once_and_whole_however_many_write_and_read(tmp_path):
    senders, readers, each = 3, 3, 100
    received: list[str] = []
    faults: list[Exception] = []
    done = threading.Event()

    def send(sender: int) -> None:
        with file_broker(tmp_path) as connection, connection.SimpleQueue("work") as queue:
            for number in range(each):
                queue.put({"text": f"{sender}/{number} " + "x" * 5000})

    def read() -> None:
        with file_broker(tmp_path) as connection, connection.SimpleQueue("work") as queue:
            while not done.is_set():
                try:
                    message = queue.get(timeout=0.05)
                except queue.Empty:
                    continue
                except Exception as fault:  # noqa: BLE001  any of them is what must not happen
                    faults.append(fault)
                    return
                received.append(message.payload["text"].split()[0])
                message.ack()

    threads = [threading.Thread(target=read) for _reader in range(readers)]
    threads += [threading.Thread(target=send, args=(sender,)) for sender in range(senders)]
    for thread in threads:
        thread.start()
    complete = eventually(lambda: len(received) >= senders * each or faults)
    done.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert not faults
    assert complete
    assert sorted(received) == sorted(f"{sender}/{number}" for sender in range(senders) for number in range(each))


def test_no_message_is_lost_while_another_thread_is_still_binding_the_queue(tmp_path, monkeypatch):
    binding, published = threading.Event(), threading.Event()
    whole = celery_filesystem._appear

    def slowly(file: Path, content: str) -> None:
        if file.suffix == ".exchange" and threading.current_thread() is first:
            binding.set()
            published.wait(1)
        whole(file, content)

    def publish(text: str) -> None:
        with file_broker(tmp_path) as connection, connection.SimpleQueue("bound") as queue:
            queue.put({"text": text})

    monkeypatch.setattr(celery_filesystem, "_appear", slowly)
    first = threading.Thread(target=publish, args=("first",))
    first.start()
    assert binding.wait(PATIENCE)
    publish("second")
    published.set()
    first.join(PATIENCE)
    with file_broker(tmp_path) as connection, connection.SimpleQueue("bound") as queue:
        assert {queue.get(timeout=PATIENCE).payload["text"] for _message in range(2)} == {"first", "second"}


def test_a_worker_of_a_broken_installation_does_not_start(tmp_path):
    arena = Arena(tmp_path, LLMFAO_SECRETKEY="x" * 60)
    worker = arena.worker()
    assert worker.wait(PATIENCE) != 0
    assert "Did you mean LLMFAO_SECRET_KEY?" in arena.log.read_text()
