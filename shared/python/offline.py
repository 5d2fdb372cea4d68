"""Lets Python import a function for its tests: the contract is there, and answers nothing."""
import sys
from types import ModuleType
from unittest.mock import MagicMock

contract = MagicMock()
contract.exports.Handler = type("Handler", (), {})
types = ModuleType("componentize_py_types")
types.Err = type("Err", (Exception,), {})
sys.modules.update({
    "componentize_py_types": types,
    "wit_world": contract,
    "wit_world.exports": contract.exports,
    "wit_world.exports.handler": contract.exports.handler,
    "wit_world.imports": contract.imports,
})
