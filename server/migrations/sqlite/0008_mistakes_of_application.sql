-- What was found wrong in an application is read with its data.
CREATE INDEX mistakes_of_application ON mistakes (application_id, id);
