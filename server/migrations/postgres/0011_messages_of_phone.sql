-- What became of the messages to one phone is asked by whoever calls the support.
CREATE INDEX messages_of_phone ON messages (phone, id);
