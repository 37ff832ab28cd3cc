"""What passes do when time has gone by."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from polyaxon.actions.bookmarks import add_bookmark
from polyaxon.actions.projects import archive_project
from polyaxon.actions.reports import report_status
from polyaxon.actions.runs import archive
from polyaxon.db.models import ActivityLog, Bookmark, Experiment, Job, Project, StatusReport
from scheduler.passes import reconcile
from scheduler.passes.expiry import expire
from scheduler.passes.purge import purge
from tests.factories import make_experiment, make_group, make_job, make_project, make_user

pytestmark = pytest.mark.django_db(transaction=True)


def days_ago(days: float) -> dict[str, object]:
    return {"updated_at": timezone.now() - timedelta(days=days)}


def test_activity_is_kept_for_a_month() -> None:
    make_project()
    make_project()
    first, second = ActivityLog.objects.order_by("id")
    ActivityLog.objects.filter(pk=first.pk).update(created_at=timezone.now() - timedelta(days=31))
    ActivityLog.objects.filter(pk=second.pk).update(created_at=timezone.now() - timedelta(days=29))
    expire()
    assert list(ActivityLog.objects.all()) == [second]


def test_archived_items_go_after_a_week() -> None:
    user = make_user()
    project = make_project(user)
    old, fresh, live = (make_job(project) for _ in range(3))
    for job in (old, fresh):
        archive(job, user)
    Job.objects.filter(pk__in=[old.pk, live.pk]).update(**days_ago(8))
    Job.objects.filter(pk=fresh.pk).update(**days_ago(6))
    expire()
    purge()
    assert set(Job.objects.values_list("pk", flat=True)) == {fresh.pk, live.pk}


def test_archived_projects_go_with_their_items_and_not_before() -> None:
    user = make_user()
    project = make_project(user)
    experiment = make_experiment(project)
    archive_project(project, user)
    Experiment.objects.update(**days_ago(8))
    expire()
    purge()
    assert Experiment.objects.get() == experiment
    Project.objects.update(**days_ago(8))
    expire()
    purge()
    assert not Project.objects.exists()
    assert not Experiment.objects.exists()


def test_archived_trials_stay_while_their_search_does() -> None:
    user = make_user()
    group = make_group(make_project(user))
    trial = make_experiment(group.project, group=group)
    archive(trial, user)
    Experiment.objects.update(**days_ago(8))
    expire()
    purge()
    assert Experiment.objects.get() == trial


def test_bookmarks_of_what_is_gone_go() -> None:
    user = make_user()
    gone, stays = make_project(user), make_project(user)
    rows = [gone, make_experiment(gone), make_job(gone), make_group(gone), stays, make_job(stays)]
    for row in rows:
        add_bookmark(user, row)
    gone.delete()
    expire()
    assert set(Bookmark.objects.values_list("kind", "object_id")) == {("project", stays.pk), ("job", rows[-1].pk)}


def test_the_reconcile_pass_counts_due_reports() -> None:
    job = make_job(is_managed=False)
    report_status(job, "failed")
    reconcile.reconcile()
    job.refresh_from_db()
    assert job.status == "created"
    StatusReport.objects.update(due_at=timezone.now())
    reconcile.reconcile()
    job.refresh_from_db()
    assert job.status == "failed"
