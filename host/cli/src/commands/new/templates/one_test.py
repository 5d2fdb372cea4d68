"""What of the function needs no host."""
import unittest

import app


class Keys(unittest.TestCase):
    def test_each_has_a_key_of_its_own_within_the_grant(self):
        self.assertTrue(app.key("1").startswith("@things@:"))
        self.assertNotEqual(app.key("1"), app.key("2"))
