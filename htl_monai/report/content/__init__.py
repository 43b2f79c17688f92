"""What a report says: one dict of numbers and sentences, made of the folder of a run or an audit."""
