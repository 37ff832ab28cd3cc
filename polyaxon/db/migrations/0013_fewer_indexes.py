"""Indexes that nothing asks, or that another one begins with, make every change of a run's status dearer."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

# What SQLite does not have. Rows without a value are left out: most runs have no name, no tags and no params.
_FOR_SOME = {
    "experiment_params": ("gin (params jsonb_path_ops)", "params"),
    "experiment_tags": ("gin (tags jsonb_path_ops)", "tags"),
    "experiment_name_trigrams": ("gin (UPPER(name::text) gin_trgm_ops)", "name"),
}


class DropIndex(migrations.AlterField):
    """A field that has no index of its own any more. To alter it, SQLite would copy the whole table."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        model = from_state.apps.get_model(app_label, self.model_name)
        column = model._meta.get_field(self.name).column
        named = {index.name for index in model._meta.indexes}
        with schema_editor.connection.cursor() as cursor:
            found = schema_editor.connection.introspection.get_constraints(cursor, model._meta.db_table)
        for name, one in found.items():
            if one["index"] and not one["unique"] and one["columns"] == [column] and name not in named:
                schema_editor.execute(f"DROP INDEX {schema_editor.quote_name(name)}")

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        model = to_state.apps.get_model(app_label, self.model_name)
        schema_editor.execute(schema_editor._create_index_sql(model, fields=[model._meta.get_field(self.name)]))


def leave_out(apps, schema_editor):
    _make_anew(schema_editor, lambda column: f" WHERE {column} IS NOT NULL")


def take_all(apps, schema_editor):
    _make_anew(schema_editor, lambda column: "")


def _make_anew(schema_editor, condition):
    if schema_editor.connection.vendor != "postgresql":
        return
    for name, (definition, column) in _FOR_SOME.items():
        with schema_editor.connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [name])
            (exists,) = cursor.fetchone()
        if exists:  # without an extension the database has not all of them
            schema_editor.execute(f"DROP INDEX {name}")
            schema_editor.execute(f"CREATE INDEX {name} ON db_experiment USING {definition}{condition(column)}")


def _created_at(model):
    return DropIndex(model, "created_at", models.DateTimeField(default=django.utils.timezone.now))


def _actor(model):
    field = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        blank=True,
        db_index=False,
        null=True,
        on_delete=django.db.models.deletion.SET_NULL,
        related_name="+",
    )
    return DropIndex(model, "actor", field)


def _experiments(name, to, related_name):
    field = models.ForeignKey(
        to,
        blank=True,
        db_index=False,
        null=True,
        on_delete=django.db.models.deletion.SET_NULL,
        related_name=related_name,
    )
    return DropIndex("experiment", name, field)


def _set_only(model, field, name):
    index = models.Index(condition=models.Q((f"{field}__isnull", False)), fields=[field], name=name)
    return migrations.AddIndex(model, index)


class Migration(migrations.Migration):

    dependencies = [
        ('db', '0012_ready_pods'),
    ]

    operations = [
        *map(_actor, ("activitylog", "event")),
        DropIndex("activitylog", "event_type", models.CharField(max_length=64)),
        DropIndex("event", "event_type", models.CharField(max_length=64)),
        *map(_created_at, ("buildjobstatus", "experimentgroupstatus", "experimentjobstatus", "experimentstatus")),
        *map(_created_at, ("jobstatus", "notebookjobstatus", "tensorboardjobstatus")),
        *map(_created_at, ("experiment", "experimentjob", "searchdecision")),
        DropIndex("experiment", "delete_requested_at", models.DateTimeField(blank=True, null=True)),
        _experiments("build_job", "db.buildjob", "experiments"),
        _experiments("code_reference", "db.codereference", "+"),
        _experiments("iteration", "db.experimentgroupiteration", "experiments"),
        _experiments("original_experiment", "db.experiment", "clones"),
        DropIndex(
            "experiment",
            "experiment_group",
            models.ForeignKey(
                "db.experimentgroup",
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="experiments",
            ),
        ),
        DropIndex(
            "experiment",
            "project",
            models.ForeignKey(
                "db.project", db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="experiments"
            ),
        ),
        DropIndex(
            "searchdecision",
            "experiment_group",
            models.ForeignKey(
                "db.experimentgroup",
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="decisions",
            ),
        ),
        _set_only("activitylog", "actor", "activity_actor"),
        _set_only("event", "actor", "event_actor"),
        _set_only("experiment", "code_reference", "experiment_code"),
        _set_only("experiment", "iteration", "experiment_iteration"),
        _set_only("experiment", "build_job", "experiment_build"),
        _set_only("experiment", "original_experiment", "experiment_original"),
        _set_only("experiment", "delete_requested_at", "experiment_to_delete"),
        migrations.RunPython(leave_out, take_all),
    ]
