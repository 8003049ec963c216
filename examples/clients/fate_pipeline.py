#!/usr/bin/env python3
"""FATE's `pipeline` SDK, unmodified, against a federation: upload, train, look, deploy, predict.

    python fate_pipeline.py [ip [port]]        the coordinator's REST endpoint of `fedflow up`; 127.0.0.1 9380 when they are not given

Key and secret with which requests are signed are read from the file that FEDFLOW_ACCESS names.
"""

import sys
import tempfile
from os import chdir
from pathlib import Path

from access import access
from flow_sdk.client import FlowClient
from pipeline.backend.config import PipelineConfig
from pipeline.backend.pipeline import PipeLine
from pipeline.component import DataTransform, Evaluation, HeteroLR, Intersection, Reader
from pipeline.interface import Data

GUEST, HOST = 9999, 10000
PARTIES = {"guest": GUEST, "host": HOST}
NAMESPACE = "examples"
TABLES = {"guest": "bank", "host": "clinic"}
FILES = Path(__file__).resolve().parent.parent / "data"


def upload():
    """Loads ../data/bank.csv and ../data/clinic.csv as tables, each at its own party.

    At the coordinator, an upload that names no party goes to every party; the bank's table holds the labels.
    """
    line = PipeLine()
    for role, party in PARTIES.items():
        table = TABLES[role]
        line.add_upload_data(
            file=str(FILES / f"{table}.csv"), table_name=table, namespace=NAMESPACE, head=1, partition=4, party_id=party
        )
    line.upload(drop=1)


def reader(name):
    """A reader of both parties' tables."""
    step = Reader(name=name)
    for role, party in PARTIES.items():
        table = {"name": TABLES[role], "namespace": NAMESPACE}
        step.get_party_instance(role=role, party_id=party).component_param(table=table)
    return step


def train():
    """Compiles and fits: read, transform, find the common people, train, evaluate."""
    line = PipeLine().set_initiator(role="guest", party_id=GUEST).set_roles(guest=GUEST, host=HOST, arbiter=HOST)
    reader_0 = reader("reader_0")
    data_transform_0 = DataTransform(name="data_transform_0")
    data_transform_0.get_party_instance(role="guest", party_id=GUEST).component_param(with_label=True, label_name="y")
    data_transform_0.get_party_instance(role="host", party_id=HOST).component_param(with_label=False)
    intersection_0 = Intersection(name="intersection_0")
    hetero_lr_0 = HeteroLR(
        name="hetero_lr_0",
        penalty="L2",
        alpha=0.01,
        optimizer="rmsprop",
        learning_rate=0.15,
        batch_size=-1,
        max_iter=20,
        early_stop="diff",
        tol=1e-5,
        init_param={"init_method": "zeros", "fit_intercept": True},
        validation_freqs=5,
    )
    evaluation_0 = Evaluation(name="evaluation_0", eval_type="binary")
    line.add_component(reader_0)
    line.add_component(data_transform_0, data=Data(data=reader_0.output.data))
    line.add_component(intersection_0, data=Data(data=data_transform_0.output.data))
    line.add_component(hetero_lr_0, data=Data(train_data=intersection_0.output.data))
    line.add_component(evaluation_0, data=Data(data=hetero_lr_0.output.data))
    line.compile()
    line.fit()
    return line


def predict(trained):
    """Deploys the model and predicts, here for the same people."""
    trained.deploy_component([trained.data_transform_0, trained.intersection_0, trained.hetero_lr_0])
    line = PipeLine()
    reader_1 = reader("reader_1")
    line.add_component(reader_1)
    line.add_component(trained, data=Data(predict_input={trained.data_transform_0.input.data: reader_1.output.data}))
    line.predict()
    return line


def main():
    # The same as `pipeline init --ip IP --port PORT --app-key KEY --secret-key SECRET`, for this run only.
    ip, port = (sys.argv[1:] + ["127.0.0.1", "9380"][len(sys.argv) - 1 :])[:2]
    keys = access()
    PipelineConfig._conf = {
        "ip": ip, "port": int(port), "app_key": keys.get("app_key"), "secret_key": keys.get("secret")
    }  # fmt: skip
    chdir(tempfile.mkdtemp(prefix="fate-pipeline-"))

    upload()
    client = FlowClient(ip, int(port), "v1", app_key=keys.get("app_key"), secret_key=keys.get("secret"))
    for table in TABLES.values():
        print(f"{table} is at {client.table.info(namespace=NAMESPACE, table_name=table)['data']['parties']}")
    trained = train()
    summary = trained.get_component("hetero_lr_0").get_summary()
    print(f"AUC on the training rows: {summary['validation_metrics']['train']['auc'][-1]:.4f}")
    print(f"weights at the guest: {summary['coef']}")
    fitted = trained.get_component("hetero_lr_0").get_output_data()
    print(fitted.head())

    predicted = predict(trained).get_component("hetero_lr_0").get_output_data()
    print(predicted.head())
    both = fitted.merge(predicted, on="id")
    difference = both["predict_score_x"].astype(float) - both["predict_score_y"].astype(float)
    print(f"predicted {len(predicted)} rows; largest difference from the training's scores: {difference.abs().max():.1e}")


if __name__ == "__main__":
    main()
