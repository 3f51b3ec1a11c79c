# SPDX-License-Identifier: MIT
"""openapi.py - docs/openapi.yaml for tests: its routes, and whether a reply is what it says.

The part of JSON Schema that the file uses: type, enum, properties, required, additionalProperties, items, anyOf,
$ref, minimum, maximum, minLength, maxLength, minItems, maxItems, pattern. A keyword that is not in this list is
an error, so that the file never promises what nobody checks.
"""
import os
import re

import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PATH = os.path.join(ROOT, "docs", "openapi.yaml")
METHODS = ("get", "post", "put", "patch", "delete")
WORDS_ONLY = {"description", "examples", "format", "writeOnly", "readOnly", "summary"}
CHECKED = {"type", "enum", "properties", "required", "additionalProperties", "items", "anyOf", "$ref", "minimum",
           "maximum", "minLength", "maxLength", "minItems", "maxItems", "pattern"}
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}


class Operation:
    def __init__(self, method, path, shared, body):
        self.method = method.upper()
        self.path = path  # as in the file
        self.is_top = any(s["url"] == "/" for s in shared.get("servers", []))
        self.full = path if self.is_top else "/api/v1" + path
        self.role = body["x-role"]
        self.reads = body.get("x-reads", False)
        self.id = body["operationId"]
        self.needs_peer = body.get("x-needs-peer", False)  # tests with two appliances try it
        self.body = body
        self.parameters = shared.get("parameters", []) + body.get("parameters", [])

    def __str__(self):
        return f"{self.method} {self.full}"

    @property
    def is_change(self):
        return self.method != "GET" and not self.reads


class Document:
    def __init__(self, path=PATH):
        with open(path, encoding="utf-8") as f:
            self.root = yaml.safe_load(f)
        self.operations = [Operation(m, p, shared, shared[m]) for p, shared in self.root["paths"].items()
                           for m in METHODS if m in shared]

    def resolve(self, node):
        while isinstance(node, dict) and "$ref" in node:
            target = self.root
            for part in node["$ref"].lstrip("#/").split("/"):
                target = target[part]
            node = target
        return node

    def query_names(self, operation):
        return {p["name"] for p in map(self.resolve, operation.parameters) if p["in"] == "query"}

    def find(self, method, full):
        """The operation that a request's path belongs to; literal segments before parameters."""
        parts = full.split("?")[0].split("/")
        best = None
        for o in self.operations:
            own = o.full.split("/")
            if o.method != method or len(own) != len(parts):
                continue
            if all(a == b or a.startswith("{") for a, b in zip(own, parts)):
                literal = sum(not a.startswith("{") for a in own)
                if best is None or literal > best[0]:
                    best = (literal, o)
        return best[1] if best else None

    def reply_faults(self, operation, status, content_type, value):
        """What is wrong with a reply: sentences."""
        responses = operation.body["responses"]
        response = responses.get(str(status))
        if response is None:
            if status < 400:
                return [f"status {status} is not documented"]
            response = responses["default"]
        content = self.resolve(response).get("content")
        kind = (content_type or "").split(";")[0]
        if content is None:
            return [] if value in (None, b"", "") else [f"status {status} has a body, none is documented"]
        if kind not in content:
            return [f"content type {kind!r} is not documented for status {status}"]
        if "json" not in kind:
            return []
        return self.faults(content[kind]["schema"], value, "")

    # ------------------------------------------------------------ schemas

    def faults(self, schema, value, at):
        schema = self.resolve(schema)
        unknown = set(schema) - CHECKED - WORDS_ONLY
        if unknown:
            return [f"{at}: the file uses keywords that are not checked: {sorted(unknown)}"]
        if "anyOf" in schema:
            tries = [self.faults(s, value, at) for s in schema["anyOf"]]
            return [] if any(not t for t in tries) else min(tries, key=len)
        found = self._type_faults(schema, value, at)
        if found:
            return found
        if "enum" in schema and value not in schema["enum"]:
            found.append(f"{at}: {value!r} is none of {schema['enum']}")
        if isinstance(value, dict):
            found += self._object_faults(schema, value, at)
        elif isinstance(value, list):
            found += self._array_faults(schema, value, at)
        elif isinstance(value, str):
            found += self._text_faults(schema, value, at)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            found += self._number_faults(schema, value, at)
        return found

    @staticmethod
    def _type_faults(schema, value, at):
        wanted = schema.get("type")
        if wanted is None:
            return []
        for word in wanted if isinstance(wanted, list) else [wanted]:
            if word in TYPES and isinstance(value, TYPES[word]):
                return []
            if isinstance(value, bool):
                continue
            if word == "integer" and isinstance(value, int) or word == "number" and isinstance(value, (int, float)):
                return []
        return [f"{at}: {type(value).__name__} {str(value)[:60]!r} instead of {wanted}"]

    def _object_faults(self, schema, value, at):
        found = []
        properties = schema.get("properties", {})
        more = schema.get("additionalProperties", True)
        for name in schema.get("required", []):
            if name not in value:
                found.append(f"{at}.{name}: missing")
        for name, member in value.items():
            if name in properties:
                found += self.faults(properties[name], member, f"{at}.{name}")
            elif more is False:
                found.append(f"{at}.{name}: not documented ({str(member)[:60]!r})")
            elif isinstance(more, dict):
                found += self.faults(more, member, f"{at}.{name}")
        return found

    def _array_faults(self, schema, value, at):
        found = []
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            found.append(f"{at}: {len(value)} items")
        for i, item in enumerate(value):
            found += self.faults(schema.get("items", {}), item, f"{at}[{i}]")
        return found

    @staticmethod
    def _text_faults(schema, value, at):
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
            return [f"{at}: {len(value)} characters"]
        if "pattern" in schema and not re.search(schema["pattern"], value):
            return [f"{at}: {value!r} does not match {schema['pattern']}"]
        return []

    @staticmethod
    def _number_faults(schema, value, at):
        if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
            return [f"{at}: {value} is out of range"]
        return []
