"""Plain functions, tested natively; `purser plugin test` tries them in the sandbox."""

import unittest

import reading
from columns import Ignored

RECORD = (
    '{"customer":"c","service":"s","product":"vm","day":"2026-12-31","hours":24,"price":"0.041",'
    '"amount":0.9840000000000000000001,"currency":"EUR"}'
)


class Reading(unittest.TestCase):
    def test_every_digit_of_an_amount_is_kept(self):
        read = reading.purchase(reading.parse(RECORD), [])
        self.assertEqual((read["reference"], read["cost"]), ("s/vm", "0.9840000000000000000001"))
        self.assertEqual(read["end"], "2027-01-01T00:00:00Z")

    def test_what_is_free_is_left_out_and_what_cannot_be_read_says_why(self):
        with self.assertRaises(Ignored):
            reading.purchase({"product": "trial"}, ["trial"])
        with self.assertRaisesRegex(ValueError, "amount is missing"):
            reading.purchase({**reading.parse(RECORD), "amount": None}, [])
        with self.assertRaisesRegex(ValueError, "not a JSON object"):
            reading.purchase("17", [])


if __name__ == "__main__":
    unittest.main()
