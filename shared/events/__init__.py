"""The event catalogue, the envelope and the codec. Everything else in the project is written in these types."""

from .base import (
    TOPIC_ACCOUNT,
    TOPIC_BROKER,
    TOPIC_CONTROL,
    TOPIC_STRATEGIES,
    Envelope,
    Event,
    Value,
    topic_market,
    topic_orders,
    topic_warmup,
)
from .broker import *
from .catalogue import BY_NAME, CATALOGUE
from .codec import CodecError, decode_body, encode_body
from .control import *
from .enums import *
from .market import *
from .orders import *
from .risk import *
from .system import *
