"""What was asked of the service, and the processes that do it.

jobs = Jobs(folder)
job = jobs.submit("run", "disaster.flood-extent", {"method": "disaster.flood-extent", "data": {}, "parameters": {}, "area": […]})
with Workers(jobs, store=store, count=1):
    jobs.get(job.id)                                  # accepted, running, successful, failed or dismissed
"""

from mitoshi.workflows.jobs.job import FINAL, Job, Kind, QueueFullError, Status
from mitoshi.workflows.jobs.queue import Jobs
from mitoshi.workflows.jobs.workers import Workers

__all__ = ["FINAL", "Job", "Jobs", "Kind", "QueueFullError", "Status", "Workers"]
