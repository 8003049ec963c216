"""Experiments with Kubeflow Pipelines' own client: python kubeflow.py http://127.0.0.1:9380

The token is read from FEDFLOW_TOKEN, or from the file that FEDFLOW_ACCESS names.
"""

import sys

import kfp
from access import access


def main(host):
    client = kfp.Client(host=host, existing_token=access().get("token"))
    experiment = client.create_experiment("churn model", description="what we try in spring")
    print("experiment:", experiment.id)
    # Jobs go to it by `job_parameters.common.experiment` of their conf, by this id or by the name.
    listed = client.list_experiments(page_size=50, sort_by="created_at desc").experiments
    print("listed:", ", ".join(one.name for one in listed))
    client.archive_experiment(experiment.id)
    print("archived:", client.get_experiment(experiment_id=experiment.id).storage_state)
    client.experiments.unarchive_experiment(experiment.id)
    client.delete_experiment(experiment.id)
    print("deleted:", experiment.id)


if __name__ == "__main__":
    main(*sys.argv[1:])
