"""URLs of annotation's pages: those for workers and those for people who manage studies."""

from django.urls import URLPattern, URLResolver, include, path

from annotation.views import data, exports, joining, pairs, prompt_sets, settings, study, worker, workers

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
    path("own/<str:token>/", joining.personal, name="worker-personal"),
]

study_urls = [
    path("", study.page, name="study"),
    path("start/", study.change_state, {"change": "start"}, name="study-start"),
    path("pause/", study.change_state, {"change": "pause"}, name="study-pause"),
    path("close/", study.change_state, {"change": "close"}, name="study-close"),
    path("hide/", study.hide, name="study-hide"),
    path("delete/", study.delete, name="study-delete"),
    path("data/", data.page, name="study-data"),
    path("data/uploads/<int:number>/", data.upload, name="study-upload"),
    path("data/uploads/<int:number>/faults.csv", data.faults_csv, name="study-upload-faults"),
    path("data/uploads/<int:number>/cancel/", data.cancel_upload, name="study-upload-cancel"),
    path("data/uploads/<int:number>/whose/", data.answer_upload, name="study-upload-whose"),
    path("data/uploads/<int:number>/undo/", data.undo_upload, name="study-upload-undo"),
    path("data/flags/", data.flags, name="study-flags"),
    path("data/flags.csv", data.flags_csv, name="study-flags-csv"),
    path("pairs/", pairs.page, name="study-pairs"),
    path("pairs/add-models/", pairs.add_models, name="study-add-models"),
    path("pairs/coverage.csv", pairs.coverage_csv, name="study-coverage-csv"),
    path("pairs/runs/<int:number>/", pairs.run, name="study-pair-run"),
    path("pairs/runs/<int:number>/cancel/", pairs.cancel_run, name="study-pair-run-cancel"),
    path("settings/", settings.page, {"group": "wording"}, name="study-settings"),
    path("settings/pairs/", settings.page, {"group": "pairs"}, name="study-offer"),
    path("settings/<slug:group>/", settings.page, name="study-settings-group"),
    path("workers/", workers.page, name="study-workers"),
    path("workers/approvals.txt", exports.prolific, {"what": "approvals"}, name="study-approvals"),
    path("workers/bonuses.txt", exports.prolific, {"what": "bonuses"}, name="study-bonuses"),
    path("workers.csv", workers.page_csv, name="study-workers-csv"),
    path("workers/<whole:number>/exclude/", workers.exclude, name="study-worker-exclude"),
    path("workers/<whole:number>/erase/", workers.erase, name="study-worker-erase"),
    path("workers/<whole:number>/link/", workers.personal_link, name="study-worker-link"),
    path("workers/<whole:number>/include/", workers.include, name="study-worker-include"),
    path("workers/reports/", data.reported, name="study-reports"),
    path("workers/reports.csv", data.reports_csv, name="study-reports-csv"),
    path("workers/reports/<int:number>/settle/", data.settle, name="study-report-settle"),
    path("export/", exports.page, name="study-export"),
    path("export/files/", exports.create_export, name="study-export-create"),
    path("export/files/<int:number>/", exports.export_page, name="study-export-file"),
    path("export/files/<int:number>/file/", exports.export_file, name="study-export-download"),
    path("export/files/<int:number>/cancel/", exports.cancel_export, name="study-export-cancel"),
    path("export/files/<int:number>/delete/", exports.delete_export, name="study-export-delete"),
    path("export/<slug:what>/", exports.download, name="study-download"),
]

prompt_set_urls = [
    path("", prompt_sets.page, name="prompt-set"),
    path("owner/", prompt_sets.hand_over, name="prompt-set-owner"),
    path("readers/<int:number>/remove/", prompt_sets.remove, name="prompt-set-reader-remove"),
    path("studies/<slug:study>/detach/", prompt_sets.detach, name="prompt-set-detach"),
    path("studies/<slug:study>/attach/", prompt_sets.attach, name="prompt-set-attach"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("s/<slug:slug>/", include(worker_urls)),
    path("studies/", study.index, name="studies"),
    # Not under /studies/, where every word may be a study's slug.
    path("new-study/", study.new, name="study-new"),
    path("studies/<slug:slug>/", include(study_urls)),
    path("prompt-sets/", prompt_sets.index, name="prompt-sets"),
    path("prompt-sets/<slug:slug>/", include(prompt_set_urls)),
]
