"""A build."""

from polyaxon_client.tracking import BuildJob

build = BuildJob(project="ada/digits", track_logs=False, track_code=False)
build.create(name="image", tags=["cpu"])
build.log_dockerfile("FROM python:3.7")
build.log_succeeded()
