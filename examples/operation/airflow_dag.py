"""A nightly `pipe run` under Airflow 2: retries where that can help, and fails at once where it cannot.

Put it into the folder of DAGs. `pipe` has to be on the PATH of the worker.
"""

import datetime
import json
import subprocess

from airflow.decorators import dag, task
from airflow.exceptions import AirflowException, AirflowFailException

PIPELINE = "/srv/datasets/pipelines/nightly.json5"
# The code of a run that can be tried again; 3 says that a dataset did not pass its check.
TEMPORARY = 75


def run_pipeline(pipeline):
    """Runs a pipeline file and returns what became of each dataset."""
    command = ["pipe", "run", "--replace", "--progress=never", "--json", pipeline]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    print(result.stdout)
    if result.returncode == TEMPORARY:
        raise AirflowException("pipe run: try again")
    if result.returncode != 0:
        raise AirflowFailException(f"pipe run: exit code {result.returncode}")
    return json.loads(result.stdout)["datasets"]


@dag(
    schedule="15 3 * * *",
    start_date=datetime.datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": datetime.timedelta(minutes=15)},
)
def pipe_nightly():
    """One task: datasets of a file may read each other, and pipe run knows what is up to date."""

    @task(execution_timeout=datetime.timedelta(hours=8))
    def run():
        return run_pipeline(PIPELINE)

    run()


pipe_nightly()
