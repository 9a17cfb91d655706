"""LSH with perfect retrieval: each sample's true top classes, by the full product."""

from bench.methods.base import Method, RetrievedConfig, Streams, retrieved_net
from bench.task import Task
from bench.tuning.space import RETRIEVED
from mongoose.nn.xmc import XMCNet
from mongoose.retrieval.exact import Exact
from mongoose.scheduling.never import Never


class OracleTopK(Method[RetrievedConfig]):
    """The ceiling of what retrieval can bring; active sets are composed as those of the LSH methods."""

    name = "oracle_topk"
    reads = "MONGOOSE §3, what the tables approximate"
    config = RetrievedConfig
    space = RETRIEVED

    def build(self, task: Task, config: RetrievedConfig, streams: Streams) -> XMCNet:
        return retrieved_net(task, config, Exact(), Never(), streams)


method = OracleTopK()
