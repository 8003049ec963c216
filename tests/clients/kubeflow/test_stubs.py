"""gRPC with stubs made by grpc_tools: the row of the conformance table marked G."""

import sys
from importlib import import_module, resources
from pathlib import Path

import pytest

grpc = pytest.importorskip("grpc")
pytest.importorskip("grpc_tools")

from google.protobuf import empty_pb2  # noqa: E402
from grpc_health.v1 import health_pb2, health_pb2_grpc  # noqa: E402
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase  # noqa: E402
from grpc_status import rpc_status  # noqa: E402
from grpc_tools import protoc  # noqa: E402
from harness.federation import address  # noqa: E402

import settings  # noqa: E402

PROTO = Path(__file__).resolve().parents[3] / "coordinator" / "api-kubeflow" / "proto"
GOLDEN = "0a016912016e220208012a0b0a07080512036e733110013001"


@pytest.fixture(scope="session")
def stubs(tmp_path_factory):
    """The messages and stubs of the service, compiled from its protos."""
    out = tmp_path_factory.mktemp("stubs")
    files = [str(path) for path in sorted(PROTO.rglob("*.proto"))]
    known = str(resources.files("grpc_tools") / "_proto")
    assert protoc.main(["", f"-I{PROTO}", f"-I{known}", f"--python_out={out}", f"--grpc_python_out={out}", *files]) == 0
    sys.path.insert(0, str(out))
    names = ["experiment_pb2", "experiment_pb2_grpc", "error_pb2", "resource_reference_pb2"]
    return [import_module(f"backend.api.{name}") for name in names]


@pytest.fixture
def channel(federation):
    host, port = address(federation.endpoint)
    with grpc.insecure_channel(f"{host}:{port}") as channel:
        yield channel


class WithToken(grpc.UnaryUnaryClientInterceptor):
    """Shows a token with every call."""

    def __init__(self, federation):
        self.shown = [(name.lower(), value) for name, value in federation.headers.items()]

    def intercept_unary_unary(self, continuation, details, request):
        return continuation(details._replace(metadata=self.shown), request)


def test_k20_the_same_object_as_rest_and_rich_errors(stubs, channel, federation, raw, name):
    messages, services, errors, _ = stubs
    with pytest.raises(grpc.RpcError) as refused:
        services.ExperimentServiceStub(channel).ListExperiment(messages.ListExperimentsRequest())
    assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED
    stub = services.ExperimentServiceStub(grpc.intercept_channel(channel, WithToken(federation)))
    made = stub.CreateExperiment(messages.CreateExperimentRequest(experiment=messages.Experiment(name=name, description="d")))
    status, over_rest = raw.json("GET", f"/apis/v1beta1/experiments/{made.id}")
    shown = {"id": made.id, "name": name, "description": "d", "created_at": made.created_at.ToJsonString(),
             "storage_state": "STORAGESTATE_AVAILABLE"}  # fmt: skip
    assert (status, over_rest) == (200, shown)
    wanted = f'{{"predicates":[{{"op":"EQUALS","key":"id","string_value":"{made.id}"}}]}}'
    listed = stub.ListExperiment(messages.ListExperimentsRequest(filter=wanted))
    assert list(listed.experiments) == [made] and (listed.total_size, listed.next_page_token) == (1, "")
    assert stub.ArchiveExperiment(messages.ArchiveExperimentRequest(id=made.id)) == empty_pb2.Empty()
    assert stub.GetExperiment(messages.GetExperimentRequest(id=made.id)).storage_state == 2
    stub.UnarchiveExperiment(messages.UnarchiveExperimentRequest(id=made.id))
    stub.DeleteExperiment(messages.DeleteExperimentRequest(id=made.id))
    with pytest.raises(grpc.RpcError) as refused:
        stub.GetExperiment(messages.GetExperimentRequest(id=made.id))
    assert refused.value.code() == grpc.StatusCode.NOT_FOUND
    rich = rpc_status.from_call(refused.value)
    detail = errors.Error()
    assert rich.details[0].Unpack(detail) and detail.error_message == f"Experiment {made.id} not found."


def test_golden_bytes(stubs):
    messages, _, _, references = stubs
    read = messages.Experiment.FromString(bytes.fromhex(GOLDEN))
    assert (read.id, read.name, read.created_at.seconds, read.storage_state) == ("i", "n", 1, 1)
    reference = read.resource_references[0]
    assert (reference.key.type, reference.key.id) == (references.NAMESPACE, "ns1")
    assert reference.relationship == references.OWNER
    assert read.SerializeToString().hex() == GOLDEN


def test_health_and_reflection(channel):
    health = health_pb2_grpc.HealthStub(channel)
    answer = health.Check(health_pb2.HealthCheckRequest(service="api.ExperimentService"))
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
    services = ProtoReflectionDescriptorDatabase(channel).get_services()
    assert {"api.ExperimentService", "grpc.health.v1.Health"} <= set(services)


def test_k18_a_token_is_needed_where_the_endpoint_asks(stubs, guarded):
    messages, services, _, _ = stubs
    host, port = address(guarded.endpoint)
    with grpc.insecure_channel(f"{host}:{port}") as channel:
        stub = services.ExperimentServiceStub(channel)
        with pytest.raises(grpc.RpcError) as refused:
            stub.ListExperiment(messages.ListExperimentsRequest())
        assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED
        token = (("authorization", f"Bearer {settings.TOKEN}"),)
        stub.ListExperiment(messages.ListExperimentsRequest(), metadata=token)
