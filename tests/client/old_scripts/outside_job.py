"""A job, with the flag without which the client of 0.6 could not make one."""

from polyaxon_client.tracking import Job

job = Job(project="ada/digits", track_logs=False, track_code=False, track_env=False)
job.create(name="prepare", tags=["etl"], build_id=3, base_outputs_path="outputs")
job.log_params(rows=10)
job.log_artifact(__file__)
print(job.job_id, job.get_outputs_path())
job.end("succeeded")
