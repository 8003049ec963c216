"""FATE's job documents: a logistic regression between guest and host, in the forms that FATE's users write."""

import copy

from .federation import GUEST, HOST
from .tables import GUEST_TABLE, HOST_TABLE, NAMESPACE

MODEL_ID = f"arbiter-{HOST}#guest-{GUEST}#host-{HOST}#model"
STEPS = ["reader_0", "data_transform_0", "intersection_0", "hetero_lr_0", "evaluation_0"]

DSL = {
    "components": {
        "reader_0": {"module": "Reader", "output": {"data": ["table"]}},
        "data_transform_0": {
            "module": "DataTransform",
            "input": {"data": {"data": ["reader_0.table"]}},
            "output": {"data": ["train"], "model": ["data_transform"]},
        },
        "intersection_0": {
            "module": "Intersection",
            "input": {"data": {"data": ["data_transform_0.train"]}},
            "output": {"data": ["train"]},
        },
        "hetero_lr_0": {
            "module": "HeteroLR",
            "input": {"data": {"train_data": ["intersection_0.train"]}},
            "output": {"data": ["train"], "model": ["hetero_lr"]},
        },
        "evaluation_0": {
            "module": "Evaluation",
            "input": {"data": {"data": ["hetero_lr_0.train"]}},
            "output": {"data": ["evaluate"]},
        },
    }
}


def lr(guest_table=GUEST_TABLE, host_table=HOST_TABLE, common=None, **parameters):
    """DSL and conf of the job, with other parameters of the regression and of the job (`common`)."""
    regression = {
        "penalty": "L2",
        "optimizer": "rmsprop",
        "tol": 0.0001,
        "alpha": 0.01,
        "max_iter": 3,
        "early_stop": "diff",
        "batch_size": -1,
        "learning_rate": 0.15,
        "init_param": {"init_method": "zeros", "fit_intercept": True},
        "validation_freqs": 1,
        **parameters,
    }
    # None leaves a parameter out
    regression = {name: value for name, value in regression.items() if value is not None}
    conf = {
        "dsl_version": "2",
        "initiator": {"role": "guest", "party_id": GUEST},
        "role": {"guest": [GUEST], "host": [HOST], "arbiter": [HOST]},
        "job_parameters": {"common": {"job_type": "train", **(common or {})}},
        "component_parameters": {
            "common": {"hetero_lr_0": regression, "evaluation_0": {"eval_type": "binary"}},
            "role": {
                "guest": {
                    "0": {
                        "reader_0": {"table": {"name": guest_table, "namespace": NAMESPACE}},
                        "data_transform_0": {
                            "with_label": True,
                            "label_name": "y",
                            "label_type": "int",
                            "output_format": "dense",
                        },
                    }
                },
                "host": {
                    "0": {
                        "reader_0": {"table": {"name": host_table, "namespace": NAMESPACE}},
                        "data_transform_0": {"with_label": False, "output_format": "dense"},
                        "evaluation_0": {"need_run": False},
                    }
                },
            },
        },
    }
    return copy.deepcopy(DSL), conf


def version_1():
    """The same job as people wrote it for FATE 1.4: tables as `args`, parameters as lists with one entry per party."""
    dsl = {
        "components": {
            "dataio_0": {
                "module": "DataIO",
                "input": {"data": {"data": ["args.train_data"]}},
                "output": {"data": ["train"], "model": ["dataio"]},
            },
            "intersection_0": {
                "module": "Intersection",
                "input": {"data": {"data": ["dataio_0.train"]}},
                "output": {"data": ["train"]},
            },
            "hetero_lr_0": {
                "module": "HeteroLR",
                "input": {"data": {"train_data": ["intersection_0.train"]}},
                "output": {"data": ["train"], "model": ["hetero_lr"]},
            },
            "evaluation_0": {"module": "Evaluation", "input": {"data": {"data": ["hetero_lr_0.train"]}}},
        }
    }

    def table(name):
        return {"data": {"train_data": [{"name": name, "namespace": NAMESPACE}]}}

    conf = {
        "initiator": {"role": "guest", "party_id": GUEST},
        "job_parameters": {"work_mode": 1},
        "role": {"guest": [GUEST], "host": [HOST], "arbiter": [HOST]},
        "role_parameters": {
            "guest": {
                "args": table(GUEST_TABLE),
                "dataio_0": {
                    "with_label": [True],
                    "label_name": ["y"],
                    "label_type": ["int"],
                    "output_format": ["dense"],
                },
                "evaluation_0": {"eval_type": ["binary"], "pos_label": [1]},
            },
            "host": {
                "args": table(HOST_TABLE),
                "dataio_0": {"with_label": [False], "output_format": ["dense"]},
                "evaluation_0": {"need_run": [False]},
            },
        },
        "algorithm_parameters": {
            "hetero_lr_0": {
                "penalty": "L2",
                "optimizer": "rmsprop",
                "eps": 0.0001,
                "alpha": 0.01,
                "max_iter": 3,
                "converge_func": "diff",
                "batch_size": -1,
                "learning_rate": 0.15,
                "init_param": {"init_method": "zeros"},
            }
        },
    }
    return dsl, conf
