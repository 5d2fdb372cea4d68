"""What of the function needs no host."""
import unittest

import app


class Newest(unittest.TestCase):
    def test_the_newest_are_asked_for_and_never_all(self):
        self.assertTrue(1 <= app.NEWEST["limit"] <= 1000)
        self.assertEqual(app.NEWEST["sort"], {"_id": -1})
