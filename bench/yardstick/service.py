"""What production is measured against: an event service as it is usually written in Python. One INSERT and one confirmed publish a
request, a pool of connections, a robust channel. Not a design to follow: it loses events that it stored when it dies before it
publishes. Debian's python3-fastapi, -uvicorn, -asyncpg, -aio-pika, -uvloop and -httptools.
"""
import contextlib
import datetime
import json
import os
import uuid

import aio_pika
import asyncpg
import fastapi
import pydantic

SCHEMA = """
CREATE TABLE IF NOT EXISTS yardstick (event_id VARCHAR PRIMARY KEY, timestamp TIMESTAMPTZ NOT NULL, event_type VARCHAR NOT NULL,
                                      payload JSONB NOT NULL, created_at TIMESTAMPTZ DEFAULT NOW());
CREATE INDEX IF NOT EXISTS yardstick_timestamp ON yardstick (timestamp);
CREATE INDEX IF NOT EXISTS yardstick_event_type ON yardstick (event_type);
CREATE INDEX IF NOT EXISTS yardstick_created_at ON yardstick (created_at);
"""
INSERT = "INSERT INTO yardstick (event_id, timestamp, event_type, payload) VALUES ($1, $2, $3, $4)"


def now():
    return datetime.datetime.now(datetime.timezone.utc)


class Event(pydantic.BaseModel):
    event_id: str = pydantic.Field(default_factory=lambda: str(uuid.uuid4()))
    timestamp: datetime.datetime = pydantic.Field(default_factory=now)
    event_type: str
    payload: dict = pydantic.Field(default_factory=dict)


app = fastapi.FastAPI()


@app.on_event("startup")
async def connect():
    app.state.exits = contextlib.AsyncExitStack()
    app.state.pool = await app.state.exits.enter_async_context(asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=5, max_size=20))
    await app.state.pool.execute(SCHEMA)
    connection = await app.state.exits.enter_async_context(await aio_pika.connect_robust(os.environ["RABBITMQ_URL"]))
    channel = await connection.channel(publisher_confirms=True)
    app.state.exchange = await channel.declare_exchange("yardstick", aio_pika.ExchangeType.TOPIC, durable=True)
    queue = await channel.declare_queue("yardstick", durable=True, arguments={"x-queue-type": "quorum"})
    await queue.bind(app.state.exchange, "#")


@app.on_event("shutdown")
async def disconnect():
    await app.state.exits.aclose()


@app.get("/health")
async def health():
    return {"status": "healthy"}


@app.post("/events", status_code=201)
async def publish(event: Event):
    await app.state.pool.execute(INSERT, event.event_id, event.timestamp, event.event_type, json.dumps(event.payload))
    message = aio_pika.Message(event.json().encode(), content_type="application/json", delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                               message_id=event.event_id)
    await app.state.exchange.publish(message, routing_key=event.event_type)
    return {"event_id": event.event_id, "status": "published"}
