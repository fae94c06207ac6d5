DROP TRIGGER customers_with_open_books_keep_their_seller ON customers_customer;
DROP FUNCTION refuse_other_seller();
