from django.urls import URLPattern, URLResolver, include, path

from annotation.views import joining, worker

worker_urls = [
    path("", joining.join, name="join"),
    path("consent/", joining.consent, name="worker-consent"),
    path("instructions/", worker.instructions, name="worker-instructions"),
    path("begin/", worker.begin, name="worker-begin"),
    path("training/", worker.train, name="worker-training"),
    path("training/answer/", worker.train_answer, name="worker-training-answer"),
    path("training/proceed/", worker.train_proceed, name="worker-training-proceed"),
    path("vote/", worker.arena, name="worker-vote"),
    path("vote/send/", worker.vote, name="worker-vote-send"),
    path("skip/", worker.skip, name="worker-skip"),
    path("undo/", worker.undo, name="worker-undo"),
    path("extend/", worker.extend, name="worker-extend"),
    path("report/", worker.report, name="worker-report"),
    path("view/<slug:form>/", worker.view_as, name="worker-view"),
    path("done/", worker.done, name="worker-done"),
    path("finish/", worker.finish, name="worker-finish"),
    path("resume/", worker.resume, name="worker-resume"),
    path("withdraw/", worker.withdraw, name="worker-withdraw"),
]

urlpatterns: list[URLPattern | URLResolver] = [path("s/<slug:slug>/", include(worker_urls))]
